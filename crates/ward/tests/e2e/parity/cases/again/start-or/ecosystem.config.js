module.exports = {apps: [{name: 'a', script: 'app.js'}, {name: 'b', script: 'server.js', exec_mode: 'cluster'}]};
