module.exports = {apps: [{name: 'a', script: 'app.js', env: {A: 1}}, {name: 'a', script: 'app.js', env: {A: 2}}]};
