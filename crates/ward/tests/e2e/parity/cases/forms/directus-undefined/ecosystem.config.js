module.exports = [{name: 'directus', script: 'app.js', args: ['start'], instances: process.env.PM2_INSTANCES, exec_mode: process.env.PM2_EXEC_MODE,
  min_uptime: process.env.PM2_MIN_UPTIME, wait_ready: true, max_restarts: process.env.PM2_MAX_RESTARTS}];
