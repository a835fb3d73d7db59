module.exports = {apps: [
  {name: 'worker', script: 'app.sh', env_production: {QUEUE: 'mail'}},
  {name: 'api', script: 'server.js', exec_mode: 'cluster', instances: 2, env: {NODE_ENV: 'development'}, env_production: {NODE_ENV: 'production'}},
]};
