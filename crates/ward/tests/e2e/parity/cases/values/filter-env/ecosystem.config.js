module.exports = {apps: [
  {name: 'a', script: 'app.js', filter_env: ['SECRET', 'AWS'], env: {SECRET_OWN: 'kept'}},
  {name: 'b', script: 'app.js', filter_env: 'AWS_KEY'},
]};
