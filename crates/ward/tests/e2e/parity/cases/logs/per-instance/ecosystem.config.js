module.exports = {apps: [
  {name: 'a', script: 'app.js', instances: 2, exec_mode: 'cluster', out_file: 'logs/a.log', error_file: 'logs/a-error.log', log_file: 'logs/a-all.log'},
]};
