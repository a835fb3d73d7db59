module.exports = {apps: [{name: 'a', script: 'app.js', env_production: {A: 2}}, {name: 'b', script: 'app.js', env: {B: 1}}]};
