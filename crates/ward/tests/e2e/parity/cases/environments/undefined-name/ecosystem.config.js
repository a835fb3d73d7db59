module.exports = {apps: [{name: 'a', script: 'app.js', env: {A: 1}, env_production: {A: 2}}]};
