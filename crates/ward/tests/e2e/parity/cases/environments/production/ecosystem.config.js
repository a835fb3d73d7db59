module.exports = {apps: [{name: 'a', script: 'app.js', env: {NODE_ENV: 'development', PORT: 3000, ONLY_HERE: 'x'},
  env_production: {NODE_ENV: 'production', PORT: 80}, env_staging: {NODE_ENV: 'staging'}}]};
