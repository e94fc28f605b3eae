mkdir models
tfmc check models
