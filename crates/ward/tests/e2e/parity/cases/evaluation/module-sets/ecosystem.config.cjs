process.env.TZ = 'UTC';
process.env.API_KEY = process.env.API_KEY || 'fallback';
module.exports = {apps: {name: 'one', script: 'app.js', env: {KEY: process.env.API_KEY}}};
