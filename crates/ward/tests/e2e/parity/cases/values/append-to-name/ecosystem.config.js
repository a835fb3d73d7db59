module.exports = {apps: [{name: 'a', script: 'app.js', append_env_to_name: true, env_staging: {STAGE: 1}}]};
