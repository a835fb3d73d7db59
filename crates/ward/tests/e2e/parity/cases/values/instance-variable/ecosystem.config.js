module.exports = {apps: [{name: 'a', script: 'server.js', instances: 2, exec_mode: 'cluster', instance_var: 'INSTANCE_ID'}]};
