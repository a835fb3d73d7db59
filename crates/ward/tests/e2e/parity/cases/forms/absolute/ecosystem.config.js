module.exports = {apps: [{name: 'a', script: __dirname + '/app.js', cwd: '/'}]};
