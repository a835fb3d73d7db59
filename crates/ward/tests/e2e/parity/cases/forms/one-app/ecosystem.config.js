module.exports = {name: 'a', script: 'app.js', env: {A: 1}};
