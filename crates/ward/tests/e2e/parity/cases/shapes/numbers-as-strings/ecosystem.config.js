module.exports = {apps: [
  {name: 'a', script: 'app.js', instances: '2', max_restarts: '7', restart_delay: '100', kill_timeout: '2000', min_uptime: '1m'},
]};
