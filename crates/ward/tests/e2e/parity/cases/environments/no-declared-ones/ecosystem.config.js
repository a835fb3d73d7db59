module.exports = {apps: [{name: 'a', script: 'app.js'}, {name: 'b', script: 'app.js', env: {}, env_production: {P: 1}}]};
