module.exports = {apps: [{name: 'a', script: 'app.js', instances: 2, exec_mode: 'cluster', increment_var: 'PORT', env: {PORT: 3000}}]};
