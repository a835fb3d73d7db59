module.exports = {apps: [
  {name: 'a', script: 'app.js', max_memory_restart: '300M', min_uptime: '10s', max_restarts: 10, restart_delay: 4000, autorestart: true},
  {name: 'b', script: 'app.js', max_memory_restart: '1G', min_uptime: 5000, exp_backoff_restart_delay: 100},
  {name: 'c', script: 'app.js', max_memory_restart: 104857600, min_uptime: '1h', stop_exit_codes: [0, 3]},
  {name: 'd', script: 'app.js', max_memory_restart: '512K', autorestart: false, stop_exit_codes: 0},
]};
