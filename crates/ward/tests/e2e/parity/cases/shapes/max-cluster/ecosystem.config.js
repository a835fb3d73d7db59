module.exports = {apps: [
  {name: 'a', script: 'app.js', instances: 'max', exec_mode: 'cluster'},
]};
