module.exports = {apps: [{name: 'a', script: 'app.js', disable_logs: true}]};
