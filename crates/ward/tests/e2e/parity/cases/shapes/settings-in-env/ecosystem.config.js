module.exports = {apps: [{name: 'a', script: 'app.js', env_production: {
  NODE_ENV: 'production', autorestart: false, node_args: '--no-warnings', namespace: 'live', max_restarts: 3}}]};
