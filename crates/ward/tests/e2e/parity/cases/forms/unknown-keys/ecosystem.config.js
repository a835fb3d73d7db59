module.exports = {
  apps: [{name: 'a', script: 'app.js', env_file: '.env', health_check_grace_period: 3000, pre_start: ['x'], max_restart: 3, group: 'web'}],
  max_restarts: 10,
};
