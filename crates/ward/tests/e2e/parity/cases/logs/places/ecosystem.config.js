module.exports = {apps: [
  {name: 'a', script: 'app.js', out_file: './logs/a-out.log', error_file: './logs/a-err.log'},
  {name: 'b', script: 'app.js', out_file: '/dev/null', error_file: 'NULL'},
  {name: 'c', script: 'app.js', log_file: 'both.log'},
  {name: 'd', script: 'app.js', log_file: true},
  {name: 'e', script: 'app.js', out_file: 'same.log', error_file: 'same.log'},
  {name: 'f', script: 'app.js', out_file: '~/in-home.log', error_file: `${__dirname}/absolute.log`},
]};
