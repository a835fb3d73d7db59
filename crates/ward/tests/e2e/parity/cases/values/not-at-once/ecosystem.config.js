module.exports = {apps: [{name: 'a', script: 'app.js', autostart: false}, {name: 'b', script: 'app.js'}]};
