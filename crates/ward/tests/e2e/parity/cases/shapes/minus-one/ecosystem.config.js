module.exports = {apps: [
  {name: 'a', script: 'app.js', instances: -1, exec_mode: 'cluster'},
]};
