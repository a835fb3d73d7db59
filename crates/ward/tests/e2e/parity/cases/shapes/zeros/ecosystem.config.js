module.exports = {apps: [
  {name: 'a', script: 'app.js', cron_restart: 0, kill_timeout: 0, max_restarts: 0, restart_delay: 0, listen_timeout: 0},
]};
