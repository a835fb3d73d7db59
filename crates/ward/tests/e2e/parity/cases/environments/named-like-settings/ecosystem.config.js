module.exports = {apps: [{name: 'a', script: 'app.sh', env: {version: '9.9', status: 'env-status', port: 5, HOME: '/tmp', PWD: '/nowhere', namespace: 'env', args: 'env'}}]};
