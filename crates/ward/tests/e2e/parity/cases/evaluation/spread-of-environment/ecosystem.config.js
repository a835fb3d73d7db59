const common = {script: './app.js', watch: false, autorestart: true};
module.exports = {apps: [
  {...common, name: 'a', env: {...process.env, NODE_ENV: 'production', TOKEN: process.env.TOKEN}},
  {...common, name: 'b', env: {TOKEN: process.env.TOKEN, MISSING: process.env.MISSING, NOTHING: null}},
]};
