module.exports = {apps: [
  {name: 'a', script: 'app.sh', interpreter: 'bash', instances: 1},
  {name: 'b', script: 'app.js', interpreter: 'bash', exec_mode: 'cluster'},
  {name: 'c', script: 'main.ts', interpreter: './node_modules/.bin/ts-node', instances: 1},
  {name: 'd', script: 'main.ts', interpreter: './node_modules/.bin/ts-node', exec_mode: 'cluster'},
]};
