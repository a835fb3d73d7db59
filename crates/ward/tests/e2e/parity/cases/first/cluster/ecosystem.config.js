module.exports = {apps: [{name: 'web', script: './app.js', instances: 2, exec_mode: 'cluster', watch: false, max_memory_restart: '200M', args: 'one two'}]};
