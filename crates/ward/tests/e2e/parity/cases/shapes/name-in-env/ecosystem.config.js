module.exports = {apps: [{name: 'a', script: 'app.js', env_production: {name: 'a-live'}}]};
