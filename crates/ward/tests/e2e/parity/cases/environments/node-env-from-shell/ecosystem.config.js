module.exports = {apps: [{name: 'a', script: 'app.js', env: {NODE_ENV: process.env.NODE_ENV || 'none', CI: process.env.CI}, env_test: {CI: 1}}]};
