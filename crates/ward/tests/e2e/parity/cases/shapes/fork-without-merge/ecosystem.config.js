module.exports = {apps: [
  {name: 'a', script: 'app.js', exec_mode: 'fork', merge_logs: false},
  {name: 'b', script: 'app.js', exec_mode: 'fork', instances: 2},
  {name: 'c', script: 'app.js', exec_mode: 'cluster', merge_logs: true, instances: 2},
  {name: 'd', script: 'app.js', instances: 1, merge_logs: false},
]};
