module.exports = {apps: [{name: 'a', script: './app.sh', interpreter: 'none'}]};
