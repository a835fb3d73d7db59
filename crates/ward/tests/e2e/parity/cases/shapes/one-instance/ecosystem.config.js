module.exports = {apps: [
  {name: 'a', script: 'app.js', instances: 1, exec_mode: 'fork'},
  {name: 'b', script: 'app.js', instances: 1},
  {name: 'c', script: 'app.js', exec_mode: 'cluster'},
  {name: 'd', script: 'app.js', exec_mode: 'cluster_mode', instances: 1},
  {name: 'e', script: 'app.js', exec_mode: 'fork_mode'},
]};
