module.exports = {apps: [{name: 'web', script: 'app.js', env: {PORT: 3000, NODE_ENV: 'development'}, env_production: {NODE_ENV: 'production'}}]};
