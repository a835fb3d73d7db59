module.exports = {apps: [{name: 'job', script: 'once.sh', autorestart: false}, {name: 'fails', script: 'once.sh', args: '3', autorestart: false},
  {name: 'coded', script: 'once.sh', args: '4', stop_exit_codes: [4]}]};
