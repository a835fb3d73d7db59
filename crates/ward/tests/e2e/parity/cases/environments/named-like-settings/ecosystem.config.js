module.exports = {apps: [{name: 'a', script: 'app.sh', env: {watch: 'env-watch', uid: 'env-uid', version: '9.9', status: 'env-status', port: 5, HOME: '/tmp', PWD: '/nowhere'}}]};
