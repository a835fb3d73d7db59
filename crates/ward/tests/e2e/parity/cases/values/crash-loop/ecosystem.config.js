module.exports = {apps: [{name: 'bad', script: 'once.sh', args: '1', max_restarts: 3}]};
