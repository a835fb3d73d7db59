module.exports = {apps: [
  {name: 'a', script: 'app.js', time: true},
  {name: 'b', script: 'app.js', log_date_format: 'YYYY-MM-DD HH:mm Z'},
  {name: 'c', script: 'app.sh', log_date_format: 'YYYY-MM-DD HH:mm:ss.SSS'},
  {name: 'd', script: 'app.js', log_date_format: 'YYYY-MM-DD HH:mm:ss', exec_mode: 'cluster'},
  {name: 'e', script: 'app.js', time: true, log_date_format: 'YYYY-MM-DD HH:mm'},
]};
