module.exports = {apps: [{name: 'a', script: 'app.js', env: {A: 1, GONE: 1}}]};
