module.exports = {apps: [
  {name: 'a', script: 'app.js', log_type: 'json'},
  {name: 'b', script: 'app.sh', log_type: 'json', log_date_format: 'YYYY-MM-DD HH:mm:ss'},
  {name: 'c', script: 'app.js', log_type: 'raw'},
]};
