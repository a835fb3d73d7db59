module.exports = {apps: [
  {name: 'a', script: './app.sh', interpreter: 'bash'},
  {name: 'b', script: 'app.sh', exec_mode: 'fork', interpreter: '/bin/bash', args: 'x y'},
  {name: 'c', script: 'bash', args: './app.sh z'},
]};
