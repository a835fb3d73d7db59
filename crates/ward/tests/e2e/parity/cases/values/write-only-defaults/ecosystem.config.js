module.exports = {apps: [{name: 'a', script: 'app.js', watch: false, autorestart: true, instances: 1, exec_mode: 'fork', max_memory_restart: '1G',
  env: {NODE_ENV: 'production', PORT: 3000}, error_file: './logs/err.log', out_file: './logs/out.log', log_file: './logs/combined.log', time: true}]};
