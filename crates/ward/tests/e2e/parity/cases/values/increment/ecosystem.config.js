module.exports = {apps: [{name: 'a', script: 'app.js', instances: 2, exec_mode: 'fork', increment_var: 'COUNT', instance_var: 'SLOT', env: {COUNT: 'x'}}]};
