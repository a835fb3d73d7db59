module.exports = {apps: [{name: 'a', script: 'app.js', env_production: {exec_mode: 'cluster', instances: 2}}]};
