// The shape of Directus' own file: an array, every number from the environment, a string or undefined.
module.exports = [{
  name: 'directus', script: 'app.js', args: ['start'],
  instances: process.env.PM2_INSTANCES, exec_mode: process.env.PM2_EXEC_MODE, max_memory_restart: process.env.PM2_MAX_MEMORY_RESTART,
  min_uptime: process.env.PM2_MIN_UPTIME, listen_timeout: process.env.PM2_LISTEN_TIMEOUT, kill_timeout: process.env.PM2_KILL_TIMEOUT,
  wait_ready: true, max_restarts: process.env.PM2_MAX_RESTARTS, restart_delay: process.env.PM2_RESTART_DELAY, autorestart: process.env.PM2_AUTO_RESTART === 'true',
}];
