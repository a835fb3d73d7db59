module.exports = {apps: [{name: 'a', script: 'app.js', port: 8080, env: {HOST: '0.0.0.0'}}, {name: 'b', script: 'app.js', port: '9090', env: {PORT: 1}}]};
