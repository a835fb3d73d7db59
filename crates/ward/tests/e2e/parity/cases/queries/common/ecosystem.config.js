module.exports = {apps: [{name: 'api', script: 'server.js', exec_mode: 'cluster', instances: 2, env: {NODE_ENV: 'development'}},
  {name: 'worker', script: 'app.sh'}]};
