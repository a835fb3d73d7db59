module.exports = {
  apps: [{name: 'a', script: 'app.js', env: {NODE_ENV: 'development'}}],
  deploy: {production: {user: 'node', host: ['a.example', 'b.example'], ref: 'origin/main', repo: 'git@example.com:x.git',
    path: '/srv/x', env: {NODE_ENV: 'production', DEPLOYED: 'yes'}, 'post-deploy': 'npm install'}},
};
