module.exports = {apps: [
  {name: 'api', script: 'app.js', instances: 2},
  {name: 'worker', script: 'app.js', instances: 2, exec_mode: 'fork'},
  {name: 'one', script: 'app.sh'},
]};
