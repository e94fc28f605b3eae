mkdir run
tfmc generate run -p "to be"
