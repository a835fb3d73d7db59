module.exports = {apps: [{name: 'a', script: 'server.js', exec_mode: 'cluster', instances: 1}]};
